"""Children in care: rates by quarter, children by category and age, and what their weeks cost."""
