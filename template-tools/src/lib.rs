//! Brings templates to new LayerVersions. Nothing stands here yet.
