"""What a step spends its time in, one module per way of computing it; all ways give the same numbers.

`plain` is torch alone: the CPU's path, and the twin that every other module here is compared with.
"""
