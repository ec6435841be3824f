"""The ports on AWS. Vendor errors stop here."""
