"""The process that trains: started with the folder of a training, it reads its run file and writes its journal."""
