"""A plain function that keeps a running sum in memory: what noalias may keep in a register."""


def run(values, sums, total):
    """Store the running sum of `values` into `sums`; total[0] holds it all the while."""
    for i in range(values.shape[0]):
        total[0] += values[i]
        sums[i] = total[0]
    return total[0]
