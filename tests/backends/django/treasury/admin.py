# SPDX-License-Identifier: Apache-2.0
from django.contrib import admin

from treasury.models import Withdrawal

admin.site.register(Withdrawal, list_display=["asset", "amount", "address"])
