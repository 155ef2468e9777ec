"""The report of one or several searches: one HTML file that needs no network.

Python reads the trials and computes what does not depend on the reader's choice (`content.py`, `importance.py`,
`bands.py`); `page.py` puts that as JSON into the template with its style sheet and scripts. The scripts draw, and
compute what follows from a choice in the page: means, paired differences, the Pareto front (`statistics.js`).
"""
