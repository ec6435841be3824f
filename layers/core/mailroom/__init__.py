"""Mailroom: email infrastructure for AI agents. This package is the layer every function shares."""
