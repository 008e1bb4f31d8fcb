package nn

// recurrentNetworks are the named networks with a recurrence over time.
var recurrentNetworks []Network
