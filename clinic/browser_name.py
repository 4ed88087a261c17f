"""A browser's long description of itself (User-Agent) as the few words by which its owner knows it."""

from __future__ import annotations

# The first that occurs decides: later families also call themselves by the earlier ones' names (RFC 9110, 10.1.5).
BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox/", "Firefox"),
            ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chromium", "Chromium"), ("Chrome/", "Chrome"),
            ("Safari/", "Safari"))
SYSTEMS = (("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"),
           ("CrOS", "ChromeOS"), ("Mac OS X", "macOS"), ("Linux", "Linux"))


def name_browser(user_agent: str) -> str:
    """For example "Chrome on Windows"; empty when nothing is recognised."""
    browser, system = _find(BROWSERS, user_agent), _find(SYSTEMS, user_agent)
    return f"{browser} on {system}" if browser and system else browser or system


def _find(table: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((name for mark, name in table if mark in user_agent), "")
