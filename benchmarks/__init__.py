"""Speed, as ratios against a bare loop or a peer in the same run."""
