"""Accuracy of small networks at equal budgets."""
