"""Sentences of Debian's installation guide said in other words, as a summary might, each with the one it was made from.

Made by hand for `links.py`. A source is named by a piece of it that stands nowhere else in the guide.
"""

PARAPHRASES = (
    ("Volunteers alone make Debian, out of belief in free software.", "is an all-volunteer organization dedicated"),
    ("Its utilities cover everything from handling files to writing programs.", "from the mundane (such as copying"),
    ("Experts can influence each step, and setting up a machine can be automated.", "available are an expert mode"),
    ("While the system is being set up, most of that equipment is not needed.", "of these devices are not required"),
    ("Only people with experience should take this way, as a last resort.", "only recommended for advanced users"),
    (
        "Hardware on the USB or PCI bus identifies itself by two numbers, shared by equal chips.",
        "so called “vendor” and",
    ),
    (
        "There is a version of Debian that runs without being installed.",
        "is also available as a so-called “live system”",
    ),
    ("You may get by with weaker hardware than the table asks for.", "you might manage with less than some"),
    (
        "The key that opens the firmware setup differs between makers; F2 and Del are common.",
        "Often it is the Delete or the F2 key, but",
    ),
    ("Activate the drive or network you want to start from in the firmware.", "you should enable the appropriate"),
    ("After it has started, it gets everything else from the CD.", "it will be able to obtain all the other files"),
    ("Enter the client's MAC address in this setting.", "You will need to change at least the “ha” option"),
    (
        "If a machine does not start, the log tells where to look first.",
        "as they are a good starting point for diagnosing",
    ),
    (
        "Peripherals can be helped along by options handed to the kernel.",
        "are Linux kernel parameters which are generally",
    ),
    (
        "Presets of the installation can be altered with arguments at startup.",
        "Some of the defaults that the installer uses",
    ),
    (
        "This component divides disks, formats the pieces and says where they appear.",
        "Allows the user to partition disks",
    ),
    ("To pick a place elsewhere in the world, step back in the menu.", "option to select countries on a different"),
    (
        "Complex disk layouts such as combinations of several techniques are possible.",
        "various forms of advanced partitioning",
    ),
    ("A summary of the partition you made is then shown.", "be presented with a detailed overview of your new"),
    (
        "With several discs you are asked whether the others should be read as well.",
        "from a CD or DVD image that is part",
    ),
    (
        "For proprietary drivers early on, a stick with FAT works best.",
        "is most likely to succeed from a FAT-formatted",
    ),
    (
        "Drivers' binary files used meanwhile end up in the finished system too.",
        "Any firmware loaded during the installation",
    ),
    ("Never cut the power or press reset to stop Linux.", "you must not reboot with the reset switch"),
    ("Messages between users of the same machine keep being delivered.", "Mail on the system itself (e.g. for the"),
    (
        "Please tell the developers about faults, so that they can be mended.",
        "To improve the installer it is necessary that we",
    ),
    (
        "Start your own answer file from the sample that is provided.",
        "create a preconfiguration file is to use the example",
    ),
    (
        "Passwords might be in there, so nobody but the administrator may see these.",
        "because the database may contain sensitive",
    ),
    ("The three parts of the first disk get the names sda1 to sda3.", "If the sda drive has 3 partitions on it"),
    (
        "For another processor than the host's own, a further switch is required.",
        "If the target architecture is different than",
    ),
    (
        "Without a network card you can go through a second PC by serial cable.",
        "on a computer without an Ethernet card",
    ),
)
"""What is said, and a piece of its source."""
FALSE = (
    "Debian can be installed from a cassette tape.",
    "The installer sends statistics about the user to advertisers.",
    "Windows must be removed before Debian can be used.",
    "Packages are paid for with a yearly subscription.",
    "The graphical installer supports virtual reality headsets.",
    "At least 64 GB of memory is required for a desktop.",
    "Root logs in with a fingerprint by default.",
    "The kernel is written in Java.",
    "Disks larger than 2 TB are not supported.",
    "The guide recommends XFS for all partitions.",
    "Security updates are only delivered by post.",
    "Debian supports quantum processors since version 12.",
)
"""What the guide speaks of, and does not say."""
FOREIGN = (
    "The mill was built in 1820 by two brothers from the valley.",
    "Bake the bread for forty minutes until the crust is golden.",
    "The court ruled that the contract was void.",
    "Photosynthesis turns light into chemical energy.",
    "The team won the final by three goals to one.",
    "Interest rates rose for the fourth time this year.",
    "The novel tells the story of a sailor who returns home.",
    "Vaccination lowers the risk of severe illness.",
    "The river floods the fields every spring.",
    "Parents are asked to bring warm clothes for the trip.",
    "The telescope found a planet that circles two stars.",
    "Wages in the public sector grew more slowly than prices.",
)
"""What it does not speak of."""
