"""An inventory of cloud instances, and of how many of them ran at once."""

from django.db import models


class User(models.Model):
    account_number = models.CharField(max_length=32, unique=True)
    org_id = models.CharField(max_length=32, db_index=True)
    joined = models.DateField()


class Account(models.Model):
    user = models.ForeignKey(User, models.CASCADE)
    name = models.CharField(max_length=64)
    cloud_id = models.CharField(max_length=32, unique=True)
    is_enabled = models.BooleanField(default=True)


class Image(models.Model):
    image_id = models.CharField(max_length=32, unique=True)
    architecture = models.CharField(max_length=16)
    has_subscription = models.BooleanField(default=False)


class Instance(models.Model):
    account = models.ForeignKey(Account, models.CASCADE)
    image = models.ForeignKey(Image, models.PROTECT)
    instance_id = models.CharField(max_length=32, unique=True)


class Run(models.Model):
    instance = models.ForeignKey(Instance, models.CASCADE)
    instance_type = models.CharField(max_length=32)
    vcpu = models.IntegerField()
    began = models.DateTimeField()
    ended = models.DateTimeField(null=True)


class ConcurrentUsage(models.Model):
    user = models.ForeignKey(User, models.CASCADE)
    date = models.DateField(db_index=True)
    maximum_counts = models.JSONField()
