"""Gates: what must be true of raw, staging and marts before a night may go on."""
