"""Other people's servers, reached so that nobody gets at a private network through us."""
