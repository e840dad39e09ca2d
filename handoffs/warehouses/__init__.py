"""Warehouse systems (WMS, ERP): asking them to stop an order, and reading what they report (formats.md section 5)."""
