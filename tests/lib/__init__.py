# SPDX-License-Identifier: Apache-2.0
"""What the Python tests share. tests/run.py puts tests/ on PYTHONPATH."""
