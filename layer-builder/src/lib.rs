//! Builds Lambda layers out of locked wheels.
