"""Decision trees and their ensembles as networks."""
