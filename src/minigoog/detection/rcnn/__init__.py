"""R-CNN: crops of proposals through a network, heads that name them, and boxes that move to what they hold."""
