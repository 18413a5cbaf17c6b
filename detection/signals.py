"""What the machine tells to whoever listens on the floors above, which it does not know.

Both are sent inside the transaction of the change: a listener that raises takes the change back with it.
"""

from django.dispatch import Signal

# A run has ended well and all its scores are written: `run`, the Run.
run_finished = Signal()

# A classifier became the one that its region uses: `classifier`, the Classifier.
classifier_activated = Signal()
