"""Whole journeys through the application, in headless Chromium."""
