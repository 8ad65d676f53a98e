"""The report: one HTML file and one JSON file of the results of a run."""
