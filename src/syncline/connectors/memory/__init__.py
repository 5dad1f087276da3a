"""The reference connector: two dozen lines of a system in memory, and a connector over it. Newcomers read it first."""

from syncline.connectors.memory.connector import MemoryConnector as MemoryConnector
from syncline.connectors.memory.system import MemorySystem as MemorySystem
