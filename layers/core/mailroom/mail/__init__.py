"""Mail itself: MIME in and out, addresses, threading headers, reply extraction. Pure functions, no I/O, no clock."""
