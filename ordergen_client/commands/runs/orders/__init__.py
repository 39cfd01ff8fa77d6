"""`ordergen runs approve` to `reconcile`: from what a run proposes to what became of its orders."""
