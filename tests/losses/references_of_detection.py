"""The detection loss written slowly in NumPy, in float64: image by image, anchor by anchor."""

import numpy as np

from tests.losses.references import sigmoid, softmax


def detection(label, logits, boxes, *, box_loss, alpha=0.25, gamma=2.0, beta=1 / 9, box_weight=1):
    classes, targets = label
    values = np.zeros(len(logits))
    for image in range(len(logits)):
        n_positive = 0
        for anchor, number in enumerate(classes[image]):
            if number >= -1:
                one_hot = np.arange(logits.shape[-1]) == number
                values[image] += focal(one_hot, logits[image, anchor], alpha, gamma)
            if number >= 0:
                pair = targets[image, anchor], boxes[image, anchor]
                term = smooth_l1(*pair, beta) if box_loss == "smooth_l1" else iou(*pair, box_loss)
                values[image] += box_weight * term
                n_positive += 1
        values[image] /= max(n_positive, 1)
    return values


def multi_box(label, logits, boxes, *, negatives_per_positive=3.0, box_weight=1, beta=1.0):
    """Liu et al., equations 1 to 3, of each image by itself."""
    classes, targets = label
    of_classes, of_boxes = np.zeros(len(logits)), np.zeros(len(logits))
    for image in range(len(logits)):
        log_p = np.log(softmax(logits[image]))
        positive, background = np.flatnonzero(classes[image] >= 0), classes[image] == -1
        n_negative = int(negatives_per_positive * len(positive))
        hardest_first = sorted(np.flatnonzero(background), key=lambda a: log_p[a, 0])
        of_classes[image] -= sum(log_p[a, 0] for a in hardest_first[:n_negative])
        for anchor in positive:
            of_classes[image] -= log_p[anchor, classes[image, anchor] + 1]
            of_boxes[image] += smooth_l1(targets[image, anchor], boxes[image, anchor], beta)
        of_classes[image] /= max(len(positive), 1)
        of_boxes[image] /= max(len(positive), 1)
    return {"classes": of_classes, "boxes": box_weight * of_boxes}


def yolo(label, boxes, objectness, classes, *, box_weight=5.0, no_object_weight=0.5, logits=False):
    """Redmon et al., equation 3, of places one by one, for sizes that are not near 0."""
    targets, numbers = label
    names = ("center", "size", "objectness", "classes")
    found = {name: np.zeros(len(boxes)) for name in names}
    for place in np.ndindex(numbers.shape):
        image, number = place[0], numbers[place]
        o, target, box = np.squeeze(objectness[place]), targets[place], boxes[place]
        if number >= 0:
            one_hot = np.arange(classes.shape[-1]) == number
            roots = [np.sign(x[2:]) * np.sqrt(np.abs(x[2:])) for x in (target, box)]
            found["center"][image] += box_weight * np.sum((target[:2] - box[:2]) ** 2)
            found["size"][image] += box_weight * np.sum((roots[0] - roots[1]) ** 2)
            found["objectness"][image] += distance(1.0, o, logits)
            found["classes"][image] += np.sum(distance(one_hot, classes[place], logits))
        elif number == -1:
            found["objectness"][image] += no_object_weight * distance(0.0, o, logits)
    return found


def distance(target, output, is_logit):
    """The squared distance, or the cross-entropy of a logit."""
    if not is_logit:
        return (target - output) ** 2
    p = sigmoid(output)
    return -(target * np.log(p) + (1 - target) * np.log(1 - p))


def focal(one_hot, logits, alpha, gamma):
    """Lin et al., equations 2, 3 and 5, summed over the classes."""
    p = sigmoid(logits)
    p_t = np.where(one_hot, p, 1 - p)
    alpha_t = np.where(one_hot, alpha, 1 - alpha)
    return np.sum(-alpha_t * (1 - p_t) ** gamma * np.log(p_t))


def smooth_l1(target, box, beta):
    distances = np.abs(target - box)
    return sum(d**2 / (2 * beta) if d < beta else d - beta / 2 for d in distances)


def iou(target, box, mode):
    """Rezatofighi et al., algorithm 1; Zheng et al., equations 7 and 8 to 11."""
    both = np.prod(np.maximum(np.minimum(target[2:], box[2:]) - np.maximum(target[:2], box[:2]), 0))
    either = area(target) + area(box) - both
    hull = np.maximum(target[2:], box[2:]) - np.minimum(target[:2], box[:2])
    overlap = both / either
    if mode == "iou":
        return 1 - overlap
    if mode == "giou":
        return 1 - overlap + (np.prod(hull) - either) / np.prod(hull)
    centres = (target[2:] + target[:2] - box[2:] - box[:2]) / 2
    distance = np.sum(centres**2) / np.sum(hull**2)
    if mode == "diou":
        return 1 - overlap + distance
    v = 4 / np.pi**2 * (aspect(target) - aspect(box)) ** 2
    return 1 - overlap + distance + v**2 / (1 - overlap + v)


def area(box):
    return np.prod(box[2:] - box[:2])


def aspect(box):
    height, width = box[2:] - box[:2]
    return np.arctan(width / height)
