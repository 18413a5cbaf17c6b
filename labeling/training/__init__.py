"""What people said, frozen and handed down to the machine: retraining, labelled crops, the page of classifiers."""
