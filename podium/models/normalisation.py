"""ImageNet's statistics of RGB in [0, 1], that pretrained weights expect."""

PIXEL_MEAN, PIXEL_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
