from moe_studio.api import Compared as Compared
from moe_studio.api import Design as Design
from moe_studio.api import Result as Result
from moe_studio.api import compare as compare
from moe_studio.api import example as example
from moe_studio.api import examples as examples
from moe_studio.api import get_time as get_time
from moe_studio.api import new as new
from moe_studio.api import open as open

__version__: str
