"""Who is one customer: connected components of the identity evidence, with guards."""
