"""Pods: tenants inside an organization (spec: pods.md)."""
