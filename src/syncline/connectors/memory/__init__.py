"""The reference connector: a system in memory, and a connector over it. Newcomers read it first."""

from syncline.connectors.memory.connector import MemoryConnector as MemoryConnector
from syncline.connectors.memory.faults import Fault as Fault
from syncline.connectors.memory.faults import FaultyConnector as FaultyConnector
from syncline.connectors.memory.system import MemorySystem as MemorySystem
