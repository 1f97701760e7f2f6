package config

// What the tests of this package's outside need of its inside.
var PropertyOf = propertyOf
