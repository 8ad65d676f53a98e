"""Losses."""

from .ops import cross_entropy

AUX_WEIGHT = 0.3


def googlenet_loss(outputs, labels, aux_weight=AUX_WEIGHT):
    """The cross-entropy of the main classifier plus `aux_weight` times that of each auxiliary head. (Paper, section 5)

    `outputs`: the logits alone, or (logits, *auxiliary logits) as GoogLeNet gives them in training."""
    if not isinstance(outputs, tuple):
        return cross_entropy(outputs, labels)
    main, *heads = outputs
    loss = cross_entropy(main, labels)
    for head in heads:
        loss = loss + aux_weight * cross_entropy(head, labels)
    return loss


__all__ = ["cross_entropy", "googlenet_loss"]
