"""SOQL once more, by brute force: statements as values, plain rows in Python, an evaluator that loops over them.

Nothing here reads the org's compiler or its database. What a statement means is taken from the vendor's SOQL and SOSL
Reference ("Comparison Operators", "Logical Operators", "Use null in WHERE", "Date Formats and Date Literals",
"Aggregate Functions", "Relationship Queries"), so that an agreement of the two says something.
"""
