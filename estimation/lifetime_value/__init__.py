"""Customer lifetime value: purchase models, spend, backtests, and the choice between models.

Time is counted in the unit of the data (days in the nightly run, weeks in the literature's tables);
rates and ``alpha`` or ``beta`` follow that unit. ``repeats`` is x, the number of purchase days
after the first; ``recency`` is t_x, from the first purchase day to the last; ``tenure`` is T, from
the first purchase day to the day of the estimate.
"""
