"""What runs when: one file a job, all of one shape."""
