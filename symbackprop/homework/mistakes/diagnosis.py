"""stub"""


class Diagnosis:
    def __init__(self, *a):
        pass

    def explain(self, *a):
        return None, ""
