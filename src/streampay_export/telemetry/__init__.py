"""Adapters of `ports.telemetry`."""
