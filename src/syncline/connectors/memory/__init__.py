"""The reference connector: a system in memory, and a connector over it. Newcomers read it first."""

from syncline.connectors.memory.connector import MemoryConnector as MemoryConnector
from syncline.connectors.memory.endings import convert as convert
from syncline.connectors.memory.endings import merge as merge
from syncline.connectors.memory.endings import purge as purge
from syncline.connectors.memory.endings import undelete as undelete
from syncline.connectors.memory.faults import Fault as Fault
from syncline.connectors.memory.faults import FaultyConnector as FaultyConnector
from syncline.connectors.memory.streams import StreamFault as StreamFault
from syncline.connectors.memory.system import Conversion as Conversion
from syncline.connectors.memory.system import MemorySystem as MemorySystem
