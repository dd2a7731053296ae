"""How launchers log where nothing else is configured."""

from __future__ import annotations

from typing import Any

__all__ = ["BASE_LOGGING"]

#: For `logging.config.dictConfig`: from INFO on, to stderr, with time, logger, level and message.
BASE_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "default": {
            "format": "%(asctime)s %(name)s %(levelname)s %(message)s",
            "datefmt": "%Y-%m-%d %H:%M:%S",
        },
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "level": "NOTSET", "formatter": "default"},
    },
    "root": {"handlers": ["console"], "level": "INFO"},
}
