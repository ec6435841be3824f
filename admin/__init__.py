"""The operator's command, `./mailroom`: works on the data of one machine or of a stack, through the product's own adapters
(docs/decisions/0019). Nothing of the product imports it."""
