//! Publishes built layers as LayerVersions. Nothing stands here yet.
