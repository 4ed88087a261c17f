"""Screens in headless Chromium."""
