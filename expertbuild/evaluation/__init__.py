"""Does the expert beat its base? Cases are asked and judged, differences come with intervals, the gate decides."""
