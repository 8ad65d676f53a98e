"""The report: one HTML file and one JSON file of what a run found."""
