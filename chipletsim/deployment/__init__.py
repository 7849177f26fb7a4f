"""Large models on packages of chiplets, priced from firing rates.

A `Model` of layers without weights is cut into stages and tensor groups of tiles
(`stages`, `layout`), what its edges send becomes transfers between tiles (`signals`,
`deliveries`, `transfers`), and rows of traffic and work go through the cost program of
simulated networks (`schedule`, `pricing`). Amounts are expectations, so they need not be
whole numbers.
"""
