"""What may be wrong with a deployment: one small function per check, each answers with a finding."""
