//! The fold that turns segments into parts, deletion vectors and manifests.
