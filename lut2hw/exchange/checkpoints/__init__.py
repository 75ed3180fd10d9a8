"""Networks of lookup tables and gates that were trained elsewhere."""
