# CUB-200-2011 in DANet: 11 orders of 37 families; classes are numbered as in CUB,
# from 1. Woodpeckers beside cormorants and kingfishers beside hummingbirds are
# the authors' choice, not zoology.
__tree = {
    'tubenoses': {'albatrosses': [1, 2, 3], 'fulmars': [45]},
    'cuckoos': {'cuckoos': [4, 31, 32, 33, 110]},
    'shorebirds': {
        'auks': [*range(5, 9), 58, 106],
        'gulls and terns': [*range(59, 67), 84, *range(141, 148)],
        'jaegers': [71, 72],
    },
    'nightjars': {'nightjars': [22, 92, 105]},
    'cormorants and woodpeckers': {
        'cormorants': [23, 24, 25],
        'frigatebirds': [44],
        'woodpeckers': [36, *range(187, 193)],
    },
    'waterfowl': {'ducks': [46, 87, 89, 90]},
    'grebes': {'grebes': [50, 51, 52, 53]},
    'hummingbirds and kingfishers': {'hummingbirds': [67, 68, 69, 70], 'kingfishers': [79, 80, 81, 82, 83]},
    'loons': {'loons': [86]},
    'pelicans': {'pelicans': [100, 101]},
    'passerines': {
        'icterids': [*range(9, 14), 26, 27, 49, 88, *range(95, 99)],
        'cardinals and buntings': [*range(14, 18), 54, 57, 139, 140],
        'catbirds of Australia': [18],
        'mimids': [19, 91, 149, 150],
        'chats': [20],
        'New World sparrows': [21, 76, *range(113, 118), *range(119, 130), 131, 132, 133, 148],
        'creepers': [28],
        'corvids': [29, 30, 73, 74, 75, 93, 107, 108],
        'finches': [34, 35, 47, 48, 55, 56],
        'tyrant flycatchers': [*range(37, 44), 77, 78, 102, 103],
        'larks': [85],
        'nuthatches': [94],
        'wood warblers': [99, 109, *range(158, 185), 200],
        'pipits': [104],
        'shrikes': [111, 112],
        'Old World sparrows': [118, 130],
        'starlings': [134],
        'swallows': [135, 136, 137, 138],
        'vireos': [*range(151, 158)],
        'waxwings': [185, 186],
        'wrens': [*range(193, 200)],
    },
}
__groups = [(root, labels) for root, parents in enumerate(__tree.values()) for labels in parents.values()]
__rows = sorted((label, root, parent) for parent, (root, labels) in enumerate(__groups) for label in labels)
# The root and the parent of each class.
label_tree = [[root for _, root, _ in __rows], [parent for *_, parent in __rows]]
