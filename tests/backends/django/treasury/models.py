# SPDX-License-Identifier: Apache-2.0
"""The one thing that the admin pages manage: a withdrawal."""
from django.db import models


class Withdrawal(models.Model):
    asset = models.CharField(max_length=10, default="BTC")
    amount = models.DecimalField(max_digits=18, decimal_places=8)
    address = models.CharField(max_length=100)
    note = models.CharField(max_length=200, blank=True)

    def __str__(self):
        return f"{self.amount} {self.asset} to {self.address}"
